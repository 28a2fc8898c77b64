/** What milters' clients publish; main prints it as Postfix's smtpd and cleanup do. */
export interface MilterWarning {
  readonly event: 'milter.warning'
  /** Who speaks to the milter just then: cleanup shows it messages. */
  readonly service: 'smtpd' | 'cleanup'
  readonly text: string
}
