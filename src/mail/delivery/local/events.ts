/** What local delivery and pipe(8) publish: main prints it as a warning of the program. */
export interface LocalEvent {
  readonly event: 'delivery.warning'
  readonly program?: 'pipe'
  readonly text: string
}
