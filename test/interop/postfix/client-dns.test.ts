/** How the client asks DNS: Debian's Postfix and Postigo find the same servers by the same settings, or say the same. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { certificateMaker } from '../../support/authority.ts'
import { startTlsSink } from '../../support/tls-sink.ts'
import { compareClients, type Destination } from './clients.ts'
import { parseZone, startDns } from './dns.ts'
import { reasonToSkip } from './namespace.ts'

const ZONE = `
mail.far.test A 127.0.0.1
dead.far.test A 127.0.0.9
two.test MX 10 dead.far.test
two.test MX 20 mail.far.test
drop.test MX 10 dead.far.test
drop.test MX 20 mail.far.test
gone.test MX 10 gone.far.test
gone.far.test A 192.0.2.66
alias.test CNAME mail.far.test
null.test MX 0 .
host.test MX 10 nowhere.far.test
soft.test MX 10 away.fail.test
soft.test MX 20 nowhere.far.test
hard.test MX 10 nowhere.far.test
hard.test MX 20 away.fail.test
loop.test MX 10 mail.far.test
backup.test MX 10 nowhere.far.test
backup.test MX 20 mail.far.test
`
const FILTER = `
/^drop\\.test\\. \\d+ IN MX 10 dead\\.far\\.test\\.$/ IGNORE
/^gone\\.far\\.test\\. \\d+ IN A 192\\.0\\.2\\.66$/ ignore with words
/^mail\\.far\\.test\\. .* IN AAAA / IGNORE
`
test('MX, addresses, filters and loops, side by side', { skip: reasonToSkip() ?? false }, async (t) => {
  const certificate = certificateMaker(t).make('mail', { names: ['mail.far.test'] })
  const sink = await startTlsSink(t, { ...certificate, plain: true })
  const address = `127.79.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const dns = await startDns(address, parseZone(ZONE))
  t.after(() => dns.stop())
  const dir = mkdtempSync(join(tmpdir(), 'postigo-client-dns-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  const to = (name: string, nexthop: string, settings: Record<string, string> = {}): Destination => ({
    name,
    nexthop: nexthop.includes('@25') ? nexthop.replace('@25', '') : `${nexthop}:${sink.port}`,
    settings: { smtp_randomize_addresses: 'no', lmtp_randomize_addresses: 'no', ...settings },
  })
  const filter = { smtp_dns_reply_filter: 'regexp:$config_directory/filter' }
  const disabled = { smtp_dns_support_level: 'disabled' }
  const names = { smtp_dns_resolver_options: 'res_defnames' }
  const search = { smtp_dns_resolver_options: 'res_dnsrch' }
  const destinations = [
    to('mx', 'two.test'),
    to('host', '[mail.far.test]'),
    to('alias', 'alias.test'),
    to('null', 'null.test'),
    to('nowhere', 'host.test'),
    to('nowhere-wait', 'host.test', { smtp_defer_if_no_mx_address_found: 'yes' }),
    to('unknown', 'nx.far.test'),
    to('away', 'away.fail.test'),
    to('away-ignored', 'away.fail.test', { ignore_mx_lookup_error: 'yes' }),
    to('filtered', 'drop.test', filter),
    to('filtered-all', 'gone.test', filter),
    to('filter-odd', 'two.test', { smtp_dns_reply_filter: 'static:REJECT' }),
    to('filter-none', 'two.test', { smtp_dns_reply_filter: 'static:IGNORE' }),
    to('filter-lmtp', '[mail.far.test]', { smtp_dns_reply_filter: 'static:IGNORE' }),
    to('off', 'localhost', disabled),
    to('off-old', 'localhost', { disable_dns_lookups: 'yes' }),
    to('off-over', 'two.test', { disable_dns_lookups: 'yes', smtp_dns_support_level: 'enabled' }),
    to('off-mx', 'two.test', disabled),
    to('off-unknown', 'nx.far.test', disabled),
    to('both', '[nx.far.test]', { smtp_host_lookup: 'dns, native' }),
    to('both-listed', '[localhost]', { smtp_host_lookup: 'dns, native' }),
    to('off-away', 'away.fail.test', disabled),
    to('mixed-soft', 'soft.test'),
    to('mixed-hard', 'hard.test'),
    to('four', '[nx.far.test]', { inet_protocols: 'ipv4' }),
    to('short', '[mail]'),
    to('short-default', '[mail]', names),
    to('short-search', '[mail]', search),
    to('long-default', '[mail.far]', names),
    to('long-search', '[mail.far]', search),
    to('loop', 'loop.test@25'),
    to('loop-host', '[mail.far.test]@25'),
    to('loop-backup', 'backup.test@25'),
    to('loop-passed', 'loop.test@25', { best_mx_transport: 'discard' }),
    to('loop-told', 'loop.test@25', { best_mx_transport: 'error:5.7.1 not here' }),
    to('relay-unknown', 'nx.far.test', { relayhost: `nx.far.test:${sink.port}` }),
    to('fallback-unknown', 'nx.far.test', { smtp_fallback_relay: 'nx2.far.test' }),
    to('fallback-loop', 'loop.test@25', { smtp_fallback_relay: `[mail.far.test]:${sink.port}` }),
  ]
  const said = await compareClients(
    { destinations, mainCf: '', files: { filter: FILTER }, resolvConf: 'search far.test test\n' },
    { dir, address },
  )
  assert.deepEqual(Object.fromEntries(said.postigo), Object.fromEntries(said.postfix))
})
