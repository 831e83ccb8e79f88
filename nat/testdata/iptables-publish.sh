# packets to these ports of the host go to the container
iptables -t nat -A MINIBRIDGE -p tcp -m tcp --dport 8080 -m comment --comment "minibridge:publish:c0ffee123456" -j DNAT --to-destination 172.18.0.2:80
iptables -t nat -A MINIBRIDGE -d 127.0.0.1/32 -p udp -m udp --dport 53 -m comment --comment "minibridge:publish:c0ffee123456" -j DNAT --to-destination 172.18.0.2:53
iptables -t nat -A MINIBRIDGE -p tcp -m tcp --dport 8000:8100 -m comment --comment "minibridge:publish:c0ffee123456" -j DNAT --to-destination 172.18.0.2
iptables -t nat -A MINIBRIDGE -p udp -m udp --dport 9000:9100 -m comment --comment "minibridge:publish:c0ffee123456" -j DNAT --to-destination 172.18.0.2:8000-8100/9000
iptables -t nat -A MINIBRIDGE -p sctp -m sctp --dport 7000 -m comment --comment "minibridge:publish:c0ffee123456" -j DNAT --to-destination 172.18.0.2:7000
