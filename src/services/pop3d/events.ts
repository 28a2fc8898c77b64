/** What pop3d publishes. */
interface Client {
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly tls: string | undefined
}

export type Pop3dEvent =
  | (Client & { readonly event: 'pop3d.connect' })
  | (Client & { readonly event: 'pop3d.login'; readonly user: string; readonly method: string })
  | (Client & {
      readonly event: 'pop3d.auth_failed'
      readonly user: string
      readonly method: string
      readonly reason: string
    })
  | (Client & {
      readonly event: 'pop3d.disconnect'
      /** `''` where nobody logged in. */
      readonly user: string
      readonly reason: string
      readonly retrieved: number
      readonly deleted: number
      readonly octetsIn: number
      readonly octetsOut: number
    })
