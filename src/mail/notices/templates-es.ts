/** The texts of reports in Spanish. */
import type { Templates } from './templates.ts'

const FROM = 'Sistema de correo <MAILER-DAEMON>'
const HELP = `Si necesita ayuda, escriba al postmaster e incluya este informe.
Puede borrar su propio texto del mensaje devuelto que va adjunto.
`
const SIGNED = `
                   El sistema de correo
`

export const spanish: Templates = {
  failure: {
    charset: 'utf-8',
    from: FROM,
    subject: 'Correo no entregado, devuelto al remitente',
    postmasterSubject: 'Copia para el postmaster: correo no entregado',
    text: `Este es el sistema de correo de $myhostname.

Lamentamos informarle de que su mensaje no se pudo entregar
a uno o más destinatarios. Va adjunto más abajo.

${HELP}${SIGNED}`,
  },
  delay: {
    charset: 'utf-8',
    from: FROM,
    subject: 'Correo con retraso (se sigue intentando)',
    postmasterSubject: 'Aviso para el postmaster: correo con retraso',
    text: `Este es el sistema de correo de $myhostname.

####################################################################
# ESTO ES SOLO UN AVISO. NO HACE FALTA QUE REENVÍE SU MENSAJE.     #
####################################################################

Su mensaje no se pudo entregar durante más de $delay_warning_time_hours hora(s).
Se seguirá intentando hasta que tenga $maximal_queue_lifetime_days día(s).

${HELP}${SIGNED}`,
  },
  success: {
    charset: 'utf-8',
    from: FROM,
    subject: 'Informe de entrega de correo',
    postmasterSubject: '',
    text: `Este es el sistema de correo de $myhostname.

Su mensaje se entregó a los destinos que siguen. Si se entregó en un
buzón, no recibirá más avisos. Si no, todavía puede recibir avisos
de error de otros sistemas.
${SIGNED}`,
  },
  verify: {
    charset: 'utf-8',
    from: FROM,
    subject: 'Informe de estado de correo',
    postmasterSubject: '',
    text: `Este es el sistema de correo de $myhostname.

Adjunto va el informe de entrega que pidió.
${SIGNED}`,
  },
}
