/** What delivery agents publish: main prints it as a warning of the program; local(8) where none is named. */
export interface LocalEvent {
  readonly event: 'delivery.warning'
  readonly program?: 'smtp' | 'lmtp' | 'local' | 'pipe' | 'virtual'
  readonly text: string
}
