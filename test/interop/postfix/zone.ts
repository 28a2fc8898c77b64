/** What the tests' DNS knows. */
export const ZONE = `
known.test A 192.0.2.10
known.test MX 10 mail.known.test
known.test NS ns.known.test
mail.known.test A 192.0.2.11
ns.known.test A 192.0.2.12
aonly.test A 192.0.2.13
aonly.test NS ns.known.test
six.test AAAA 2001:db8::13
sub.aonly.test A 192.0.2.14
txtonly.test TXT nothing else
nullmx.test MX 0 .
failmx.test MX 10 mail.fail.test
deadmx.test MX 10 gone.test
deadtxt.test MX 10 txtonly.test
me.test A 127.0.0.1
metoo.test MX 10 me.test
loopmx.test MX 10 localhost.loopmx.test
localhost.loopmx.test A 127.0.0.1
backup.test MX 10 first.backup.test
backup.test MX 20 mail.example.test
first.backup.test A 203.0.113.5
alias.test CNAME known.test
client.example.test A 192.0.2.7
7.2.0.192.in-addr.arpa PTR client.example.test
mail.example.test A 192.0.2.1
example.test NS ns.known.test
# lists
2.0.0.127.rbl.test A 127.0.0.2
66.2.0.192.rbl.test A 127.0.0.2
66.2.0.192.rbl.test TXT Listed: see http://rbl.test/66
67.2.0.192.rbl.test A 127.0.0.4
bad.test.rhsbl.test A 127.0.0.2
bad.test.rhsbl.test TXT A bad domain
test.rhsbl.test A 127.0.0.2
client.bad.test.rhsbl.test A 127.0.0.2
bad.test A 192.0.2.66
bad.test MX 10 mail.bad.test
mail.bad.test A 192.0.2.68
client.bad.test A 192.0.2.66
66.2.0.192.dnswl.test A 127.0.3.0
2.0.0.127.dnswl.test A 127.0.0.2
good.test.rhswl.test A 127.0.3.0
good.test A 192.0.2.69
`
