/** STLS. RFC 2595 §4. */
import { Pop3Error } from '../../../formats/pop3/mod.ts'
import type { Session } from '../session.ts'

export async function stls(session: Session): Promise<void> {
  if (session.connection.tls !== undefined) throw new Pop3Error('TLS is already active.')
  if (session.utf8) throw new Pop3Error('STLS comes before UTF8.') // RFC 6856 §2.1
  if (!session.deps.tlsAvailable) throw new Pop3Error('TLS is not available.')
  session.dropInput()
  session.line('+OK Begin TLS negotiation now.')
  session.flush()
  try {
    await session.connection.startTls()
  } catch {
    session.close('TLS handshake failed', false)
    return
  }
  session.dropInput()
}
