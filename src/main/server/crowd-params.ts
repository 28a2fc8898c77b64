/** How many may be connected. */
import { defineParams, int, list, size, str } from '../../io/config/mod.ts'

export const crowdParams = defineParams({
  stress: str(
    '',
    'Set by the server: yes for a session that begins while its service has as many connections as its process limit in master.cf, and while postscreen has few places left. `${stress?{a}:{b}}` in other parameters asks for it.',
  ),
  service_connection_limit: int(
    '10000',
    'Connections of a service (a line of master.cf, or a word of mailbox_services) at a time; further ones hear 421, BYE or -ERR. 0 is no limit.',
    { min: 0 },
  ),
  mailbox_client_connection_count_limit: int(
    '200',
    'Connections of one client (smtpd_client_ipv4_prefix_length, smtpd_client_ipv6_prefix_length) to an IMAP or POP3 service at a time. 0 is no limit.',
    { min: 0 },
  ),
  mailbox_client_event_limit_exceptions: list(
    '$smtpd_client_event_limit_exceptions',
    'Clients to which mailbox_client_connection_count_limit does not apply.',
  ),
  process_memory_limit: size(
    '0',
    'Memory of the server, in octets, beyond which new connections are refused until there is less; 0: three quarters of what the machine or its control group has.',
    { min: 0 },
  ),
})
