/** Certificates and keys of TLS sessions while a server runs: got by ACME, seen to change, replaced in time. Main's thread alone. */
import { sendHttp } from '../../io/net/mod.ts'
import { sessionLifetime } from '../server/identity.ts'
import type { Rooms } from '../server/rooms.ts'
import { tlsParams } from '../server/tls-params.ts'
import { CertificateKeeper } from './keeper.ts'
import type { AcmeStatus } from './status.ts'
import { TicketRotation } from './ticket-rotation.ts'
import { CertificateWatch } from './watch.ts'

export interface CertificatesDeps {
  readonly rooms: Pick<Rooms, 'clock' | 'current' | 'paths' | 'ticketKeys'>
  /** What the launcher reads for this process now. */
  readonly handed: () => Promise<ReadonlyMap<string, string>>
  /** All listeners are to show what the files hold. */
  readonly take: () => Promise<void>
}

export class Certificates {
  readonly #keeper: CertificateKeeper
  readonly #watch: CertificateWatch
  readonly #rotation: TicketRotation

  constructor({ rooms, handed, take }: CertificatesDeps) {
    const config = (): Rooms['current']['config'] => rooms.current.config
    const { clock, paths, ticketKeys } = rooms
    const common = { config, clock, send: sendHttp, random: Math.random }
    this.#keeper = new CertificateKeeper({ ...common, directory: paths.acme, onCertificate: take })
    this.#watch = new CertificateWatch({ config, handed, take })
    this.#rotation = new TicketRotation(ticketKeys, () => sessionLifetime(config().bind(tlsParams)), clock)
  }

  start(): void {
    this.#keeper.start()
    this.#watch.start()
    this.#rotation.start()
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    this.#rotation.stop()
    await this.#keeper.stop()
  }

  /** Of ACME; undefined: it is not switched on. */
  status(): AcmeStatus | undefined {
    return this.#keeper.status()
  }

  /** Gets a certificate by ACME now; answers what went wrong. */
  renew(): Promise<string | undefined> {
    return this.#keeper.force()
  }

  /** The configuration may be another. */
  reloaded(): void {
    void this.#keeper.look()
  }
}
