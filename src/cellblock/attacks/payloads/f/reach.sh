echo attempt
reached=0
echo reached 2>/dev/null > /dev/tcp/127.0.0.1/@TCP_PORT@ && reached=1
echo reached 2>/dev/null > /dev/tcp/::1/@TCP6_PORT@ && reached=1
echo reached 2>/dev/null > /dev/udp/127.0.0.1/@UDP_PORT@
exit $reached
