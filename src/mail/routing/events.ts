/** What routing publishes: main prints it as a warning of local(8). */
export interface RoutingEvent {
  readonly event: 'routing.warning'
  readonly text: string
}
