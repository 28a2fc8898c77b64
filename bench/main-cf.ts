/** What the servers of all benchmarks are set to; each adds what it is about. */
export const MAIN_CF = `compatibility_level = 3.6
myhostname = bench.example
mydestination = bench.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
data_directory = $config_directory/data
queue_directory = $config_directory
maillog_file = $config_directory/mail.log
alias_maps =
alias_database =
`
