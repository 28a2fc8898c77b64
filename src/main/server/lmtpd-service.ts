/** LMTP as one listener of lmtpd_listen wants it: smtpd's session over mailboxes. */
import type { Connection } from '../../io/net/mod.ts'
import { createLmtpd, lmtpdParams, smtpdParams, type Transcript } from '../../services/smtpd/mod.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'
import { smtpdSasl } from './smtpd-sasl.ts'

/** @param tellPostmaster takes sessions with errors (notify_classes) */
export function lmtpdFor(
  rooms: Rooms,
  spec: Pick<ListenerSpec, 'name' | 'overrides' | 'path'>,
  tellPostmaster?: (transcript: Transcript) => void,
): (connection: Connection) => void {
  const { current, clock, resolver } = rooms
  const { router, store, tables } = current
  const config = current.config.with(new Map(spec.overrides))
  const parameter = 'lmtpd_authorized_clients'
  const matches = tables.matchAddress(config.bind(lmtpdParams)[parameter].join(' '), { parameter })
  return createLmtpd({
    cf: config.bind(smtpdParams),
    clock,
    resolver,
    tables,
    ...smtpdSasl(rooms, config),
    serviceName: spec.name,
    ...(tellPostmaster !== undefined && { tellPostmaster }),
    tlsAvailable: false,
    validAddress: (address, declaredUtf8) => router.validAddress(address, declaredUtf8),
    lmtp: {
      intake: current.intakeOf(config),
      // Who may open a unix socket is said by its mode.
      mayConnect: async (client) => spec.path !== undefined || (await matches(client)) !== undefined,
      mailbox: (address) => router.mailbox(address),
      hasRoom: (account, octets) => store.hasRoom(account, octets),
    },
  })
}
