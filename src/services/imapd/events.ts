/** What imapd publishes. */
interface Client {
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly tls: string | undefined
}

export type ImapdEvent =
  | (Client & { readonly event: 'imapd.connect' })
  | (Client & { readonly event: 'imapd.login'; readonly user: string; readonly method: string })
  | (Client & {
      readonly event: 'imapd.auth_failed'
      readonly user: string
      readonly method: string
      readonly reason: string
    })
  | (Client & {
      readonly event: 'imapd.disconnect'
      /** `''` where nobody logged in. */
      readonly user: string
      readonly reason: string
      readonly octetsIn: number
      readonly octetsOut: number
    })
  /** A defect: not the client's doing. */
  | (Client & { readonly event: 'imapd.defect'; readonly error: unknown })
