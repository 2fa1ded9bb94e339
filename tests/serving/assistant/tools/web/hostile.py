"""URLs that lead, in one client or another, to where nobody may be sent; or that mean two things at once."""

# ruff: noqa: RUF001 - look-alikes are the point

HOSTILE = [
    # Other notations of an IPv4 address
    *("http://2130706434/", "http://017700000002/", "http://0x7f000002/", "http://127.2/", "http://127.0.2/"),
    *("http://0177.0.0.2/", "http://0x7f.0.0.2/", "http://0x7f.0x0.0x0.0x2/", "http://127.0.0.02/", "http://0127.0.0.2/"),
    *("http://00000127.0.0.2/", "http://127.0.0.2./", "http://0/", "http://0x/", "http://127.0.0.0x2/", "http://1e9/"),
    *("http://127.0.0.258/", "http://4294967296/", "http://127.0.0.2.nip.io.2/", "http://127.1:80/", "http://0xA9FEA9FE/"),
    # Addresses that are not public
    *("http://127.0.0.2/", "http://10.0.0.1/", "http://172.16.5.4/", "http://192.168.1.1/", "http://169.254.169.254/"),
    *("http://100.64.0.1/", "http://100.100.100.200/", "http://168.63.129.16/", "http://0.0.0.0/", "http://192.0.0.192/"),
    *("http://198.18.0.1/", "http://224.0.0.1/", "http://255.255.255.255/", "http://240.0.0.1/", "http://192.0.2.1/"),
    # IPv6, and IPv4 inside of it
    *("http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.2]/", "http://[::ffff:7f00:2]/", "http://[::127.0.0.2]/"),
    *("http://[0:0:0:0:0:ffff:169.254.169.254]/", "http://[::ffff:0:127.0.0.2]/", "http://[64:ff9b::7f00:2]/"),
    *("http://[64:ff9b:1::a00:1]/", "http://[2002:7f00:2::]/", "http://[2001:0:7f00:2::1]/", "http://[fe80::1]/"),
    *("http://[fe80::1%25eth0]/", "http://[fe80::1%lo]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/"),
    *("http://[fec0::1]/", "http://[2001:db8::1]/", "http://[::1%0]/", "http://[v1.fe80::a]/", "http://::1/", "http://[::1/"),
    # Names of this machine
    *("http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://metadata/", "http://inner.example.org./"),
    # Look-alikes: digits, dots and letters that some clients fold
    *("http://①②⑦.⓪.⓪.②/", "http://１２７.０.０.２/", "http://127。0。0。2/", "http://127．0．0．2/", "http://dоcs.example.org/"),
    *("http://docs.examp\u200ble.org/", "http://docs.example\u3002org/", "http://ⓛocalhost.example.org/", "http://docs.example.org\u2044@inner/"),
    # A host that is not where it seems
    *("http://docs.example.org@127.0.0.2/", "http://docs.example.org:80@127.0.0.2/", "http://user:pw@docs.example.org/"),
    *("http://127.0.0.2#@docs.example.org/", "http://127.0.0.2?@docs.example.org/"),
    *("http://docs.example.org\\@127.0.0.2/", "http:\\\\127.0.0.2\\", "http://127.0.0.2\\.docs.example.org/", "http:/\\127.0.0.2/"),
    *("http://docs.example.org%40127.0.0.2/", "http://127.0.0.2%2f.example.org/", "http://docs.example.org%00.inner/"),
    *("http://docs.example.org%2523@127.0.0.2/", "http://@127.0.0.2/", "http://;@127.0.0.2/", "http://docs.example.org;127.0.0.2/"),
    *("http://docs.example.org,127.0.0.2/", "http://docs.example.org&@127.0.0.2/", "http://127.0.0.2:80:80/", "http://docs.example.org:/"),
    # White space and control characters
    *("http://127.0.0.2\t/", "ht\ntp://127.0.0.2/", " http://127.0.0.2/", "http://docs.example.org/\r\nHost: inner", "http://\t127.0.0.2/"),
    *("http://docs.example.org/\x00", "http://docs.example.org /", "\x01http://docs.example.org/", "http://docs.example.org/\x7f", ""),
    # Other schemes, ports and forms
    *("file:///etc/passwd", "gopher://127.0.0.2:70/_x", "ftp://docs.example.org/", "dict://127.0.0.2:11211/", "jar:http://inner/!/"),
    *("data:text/html,hello", "javascript:alert(1)", "ldap://127.0.0.2/", "sftp://docs.example.org/", "tftp://127.0.0.2/x"),
    *("ws://docs.example.org/", "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "netdoc:///etc/hosts"),
    *("HTTP:127.0.0.2", "//127.0.0.2/", "127.0.0.2", "http:///etc/passwd", "http://", "http:docs.example.org", "url:http://127.0.0.2/"),
    *("http://docs.example.org:22/", "http://docs.example.org:6379/", "http://docs.example.org:99999/", "http://docs.example.org:-1/"),
    *("http://docs.example.org:0/", "http://docs.example.org:8o/", "http://docs.example.org:٨٠/", "http://docs..example.org/", "http://.example.org/"),
    *("http://-docs.example.org/", "http://docs_1.example.org/", "http://*.example.org/", "http://" + "a." * 200 + "org/", "http://docs.example.org/" + "x" * 3000),
    *("http://docs.example.org/%zz", "http://docs.example.org/<script>", 'http://docs.example.org/"', "http://docs.example.org/{}"),
]  # fmt: skip
