# chains of our own, one jump into each; from outside nobody gets at 127.0.0.0/8
iptables -t raw -N MINIBRIDGE-RAW
iptables -t raw -I PREROUTING 1 -m comment --comment "minibridge:jump:host" -j MINIBRIDGE-RAW
iptables -t raw -A MINIBRIDGE-RAW -d 127.0.0.0/8 ! -i lo -m comment --comment "minibridge:guard:host" -j DROP
iptables -t filter -N MINIBRIDGE-USER
iptables -t filter -N MINIBRIDGE-FORWARD
iptables -t filter -N MINIBRIDGE-ESTABLISHED
iptables -t filter -N MINIBRIDGE
iptables -t filter -N MINIBRIDGE-OUT
iptables -t filter -I FORWARD 1 -m comment --comment "minibridge:jump:host" -j MINIBRIDGE-FORWARD
iptables -t filter -A MINIBRIDGE-FORWARD -m comment --comment "minibridge:order:host" -j MINIBRIDGE-USER
iptables -t filter -A MINIBRIDGE-FORWARD -m comment --comment "minibridge:order:host" -j MINIBRIDGE-ESTABLISHED
iptables -t filter -A MINIBRIDGE-FORWARD -m comment --comment "minibridge:order:host" -j MINIBRIDGE
iptables -t filter -A MINIBRIDGE-FORWARD -m comment --comment "minibridge:order:host" -j MINIBRIDGE-OUT
iptables -t nat -N MINIBRIDGE
iptables -t nat -N MINIBRIDGE-POSTROUTING
iptables -t nat -I PREROUTING 1 -m addrtype --dst-type LOCAL -m comment --comment "minibridge:jump:host" -j MINIBRIDGE
iptables -t nat -I OUTPUT 1 -m addrtype --dst-type LOCAL -m comment --comment "minibridge:jump:host" -j MINIBRIDGE
iptables -t nat -I POSTROUTING 1 -m comment --comment "minibridge:jump:host" -j MINIBRIDGE-POSTROUTING
