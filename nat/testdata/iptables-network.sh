# containers get out as the host; in comes what was asked for or published
iptables -t raw -A MINIBRIDGE-RAW -d 172.18.0.0/16 ! -i mb-5f0c1b2a3d4e -m addrtype ! --dst-type LOCAL -m comment --comment "minibridge:direct:5f0c1b2a3d4e" -j DROP
iptables -t filter -A MINIBRIDGE-ESTABLISHED -o mb-5f0c1b2a3d4e -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "minibridge:established:5f0c1b2a3d4e" -j ACCEPT
iptables -t filter -A MINIBRIDGE -o mb-5f0c1b2a3d4e -m conntrack --ctstate DNAT -m comment --comment "minibridge:published:5f0c1b2a3d4e" -j ACCEPT
iptables -t filter -A MINIBRIDGE -i mb-5f0c1b2a3d4e -o mb-5f0c1b2a3d4e -m comment --comment "minibridge:peers:5f0c1b2a3d4e" -j ACCEPT
iptables -t filter -A MINIBRIDGE -o mb-5f0c1b2a3d4e -m comment --comment "minibridge:isolate:5f0c1b2a3d4e" -j DROP
iptables -t filter -A MINIBRIDGE-OUT -i mb-5f0c1b2a3d4e -m comment --comment "minibridge:outgoing:5f0c1b2a3d4e" -j ACCEPT
iptables -t nat -A MINIBRIDGE-POSTROUTING -s 172.18.0.0/16 ! -o mb-5f0c1b2a3d4e -m comment --comment "minibridge:masquerade:5f0c1b2a3d4e" -j MASQUERADE
iptables -t nat -A MINIBRIDGE-POSTROUTING -s 172.18.0.0/16 -o mb-5f0c1b2a3d4e -m conntrack --ctstate DNAT -m comment --comment "minibridge:hairpin:5f0c1b2a3d4e" -j MASQUERADE
iptables -t nat -A MINIBRIDGE-POSTROUTING -s 127.0.0.0/8 -o mb-5f0c1b2a3d4e -m comment --comment "minibridge:localhost:5f0c1b2a3d4e" -j MASQUERADE
# so that 127.0.0.1 on the host leads to published ports
sysctl -qw net.ipv4.conf.mb-5f0c1b2a3d4e.route_localnet=1
