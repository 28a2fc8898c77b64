/** Log-ins by password and over TLS, a connection each: `npm run bench -- logins`. */
import { ImapClient } from './client.ts'
import { Comparison, type Line } from './compare.ts'
import { type MailServer, startServers, USERS } from './servers.ts'

/** Log-ins at the same time. */
const AT_ONCE = 10

interface Target {
  readonly server: MailServer
}

function line(name: string, count: number, tls: boolean): Line<Target> {
  return {
    name,
    operations: count,
    async run({ server: { ports } }) {
      let left = count
      const one = async (): Promise<void> => {
        while (left-- > 0) await (await ImapClient.open(tls ? ports.imaps : ports.imap, USERS[0], tls)).logout()
      }
      await Promise.all(Array.from({ length: AT_ONCE }, one))
    },
  }
}

/** Prints the table. */
export async function benchLogins(quick: boolean): Promise<void> {
  const servers = await startServers()
  try {
    console.log(`\nIMAP log-ins, connection to LOGOUT, ${AT_ONCE} at once`)
    const comparison = new Comparison(
      servers.map((server) => ({ server })),
      3,
    )
    await comparison.line(line('log-in by password', quick ? 200 : 1000, false))
    await comparison.line(line('log-in over TLS', quick ? 100 : 500, true))
    comparison.memory()
  } finally {
    for (const server of servers) await server.stop()
  }
}

if (import.meta.main) await benchLogins(process.argv.includes('--quick'))
