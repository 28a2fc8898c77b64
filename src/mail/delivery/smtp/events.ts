/** What the SMTP and LMTP clients publish beside their results: main prints it as a line of smtp(8) or lmtp(8). */
export interface ClientEvent {
  readonly event: 'client.note'
  readonly protocol: 'smtp' | 'lmtp'
  readonly text: string
}
