/** What local delivery publishes: main prints it as a warning of local(8). */
export interface LocalEvent {
  readonly event: 'delivery.warning'
  readonly text: string
}
