/**
 * What an enhanced status means for the one who reads the report: what happened, and who must act. RFC 3463.
 * The remote server's own words stand beside it, as they came.
 */

export type Language = 'en' | 'es'

interface Words {
  readonly happened: string
  readonly act: string
}

/** What can be said of a class of failures. */
type Cause =
  | 'no-address'
  | 'no-domain'
  | 'bad-address'
  | 'sender-refused'
  | 'disabled'
  | 'full'
  | 'too-large'
  | 'no-answer'
  | 'dns'
  | 'loop'
  | 'system'
  | 'protocol'
  | 'content'
  | 'refused'
  | 'unauthenticated'
  | 'other'

/** The most particular first; `X` is any class. RFC 3463 §3, RFC 7372, RFC 7505. */
const CAUSES: readonly (readonly [RegExp, Cause])[] = [
  [/^.\.1\.(?:1|6)$/, 'no-address'],
  [/^.\.1\.(?:2|10)$/, 'no-domain'],
  [/^.\.1\.[345]$/, 'bad-address'],
  [/^.\.1\.[789]$/, 'sender-refused'],
  [/^.\.2\.1$/, 'disabled'],
  [/^.\.2\.2$/, 'full'],
  [/^.\.(?:2\.3|3\.4)$/, 'too-large'],
  [/^.\.4\.[127]$/, 'no-answer'],
  [/^.\.4\.[34]$/, 'dns'],
  [/^.\.4\.6$/, 'loop'],
  [/^.\.[2345]\.\d+$/, 'system'],
  [/^.\.5\.\d+$/, 'protocol'],
  [/^.\.6\.\d+$/, 'content'],
  [/^.\.7\.(?:8|9|1[0-9]|2[0-9])$/, 'unauthenticated'],
  [/^.\.7\.\d+$/, 'refused'],
]

const ENGLISH: Readonly<Record<Cause, Words>> = {
  'no-address': {
    happened: 'there is no mailbox of that name.',
    act: 'you. Check the address for typing errors, or ask the recipient for the right one.',
  },
  'no-domain': {
    happened: 'the part of the address behind the @ takes no mail.',
    act: 'you. Check it for typing errors, or ask the recipient for the right one.',
  },
  'bad-address': {
    happened: 'the address is not written as an address must be.',
    act: 'you. Write it anew.',
  },
  'sender-refused': {
    happened: 'the other side does not accept mail from your address.',
    act: 'the postmaster of your mail system.',
  },
  disabled: { happened: 'the mailbox is switched off.', act: 'the recipient; try to reach them in another way.' },
  full: { happened: 'the mailbox is full.', act: 'the recipient; try to reach them in another way.' },
  'too-large': { happened: 'the message is too large.', act: 'you. Send less, or send it in another way.' },
  'no-answer': {
    happened: 'the server that takes mail for this address did not answer.',
    act: 'the postmaster of that server; nothing is wrong with your message.',
  },
  dns: {
    happened: 'the server that takes mail for this address could not be found.',
    act: 'you. Check the part behind the @; if it is right, the postmaster there.',
  },
  loop: { happened: 'the message went round in a circle.', act: 'the postmaster of the systems that it went through.' },
  system: { happened: 'a mail system on the way had a problem of its own.', act: 'the postmaster of that system.' },
  protocol: { happened: 'the two mail servers did not understand one another.', act: 'the postmasters of both.' },
  content: { happened: 'the other side cannot take a message of this kind.', act: 'you. Send it in another form.' },
  refused: {
    happened: 'the other side does not want this message, by a rule of its own.',
    act: 'the postmaster there, whose words stand above; the recipient may ask them.',
  },
  unauthenticated: {
    happened: 'the other side could not verify who sent the message.',
    act: 'the postmaster of your mail system.',
  },
  other: { happened: 'the message could not be delivered.', act: 'the postmaster, with this report.' },
}

const SPANISH: Readonly<Record<Cause, Words>> = {
  'no-address': {
    happened: 'no existe ningún buzón con ese nombre.',
    act: 'usted. Compruebe que la dirección está bien escrita, o pregúntesela al destinatario.',
  },
  'no-domain': {
    happened: 'lo que va detrás de la @ en la dirección no recibe correo.',
    act: 'usted. Compruebe que está bien escrito, o pregúnteselo al destinatario.',
  },
  'bad-address': { happened: 'la dirección no está escrita como debe estarlo.', act: 'usted. Escríbala de nuevo.' },
  'sender-refused': {
    happened: 'el otro lado no acepta correo de su dirección.',
    act: 'el postmaster de su sistema de correo.',
  },
  disabled: {
    happened: 'el buzón está desactivado.',
    act: 'el destinatario; intente contactar con él de otra manera.',
  },
  full: { happened: 'el buzón está lleno.', act: 'el destinatario; intente contactar con él de otra manera.' },
  'too-large': {
    happened: 'el mensaje es demasiado grande.',
    act: 'usted. Envíe menos, o envíelo de otra manera.',
  },
  'no-answer': {
    happened: 'el servidor que recibe el correo de esta dirección no respondió.',
    act: 'el postmaster de ese servidor; su mensaje no tiene nada malo.',
  },
  dns: {
    happened: 'no se encontró el servidor que recibe el correo de esta dirección.',
    act: 'usted. Compruebe lo que va detrás de la @; si es correcto, el postmaster de allí.',
  },
  loop: {
    happened: 'el mensaje daba vueltas en círculo.',
    act: 'el postmaster de los sistemas por los que pasó.',
  },
  system: {
    happened: 'un sistema de correo en el camino tuvo un problema propio.',
    act: 'el postmaster de ese sistema.',
  },
  protocol: { happened: 'los dos servidores de correo no se entendieron.', act: 'los postmasters de ambos.' },
  content: {
    happened: 'el otro lado no puede recibir un mensaje de esta clase.',
    act: 'usted. Envíelo en otra forma.',
  },
  refused: {
    happened: 'el otro lado no quiere este mensaje, por una regla suya.',
    act: 'el postmaster de allí, cuyas palabras están arriba; el destinatario puede pedírselo.',
  },
  unauthenticated: {
    happened: 'el otro lado no pudo comprobar quién envió el mensaje.',
    act: 'el postmaster de su sistema de correo.',
  },
  other: { happened: 'el mensaje no se pudo entregar.', act: 'el postmaster, con este informe.' },
}

const FORMS: Readonly<
  Record<
    Language,
    {
      readonly words: Readonly<Record<Cause, Words>>
      readonly happened: string
      readonly act: string
      readonly retried: string
      readonly gaveUp: string
    }
  >
> = {
  en: {
    words: ENGLISH,
    happened: 'What happened: ',
    act: 'Who can act: ',
    retried: 'nobody needs to act yet; it is tried again.',
    gaveUp: 'It was tried for as long as this system tries, and then given up.',
  },
  es: {
    words: SPANISH,
    happened: 'Qué ocurrió: ',
    act: 'Quién puede actuar: ',
    retried: 'todavía no hace falta que actúe nadie; se vuelve a intentar.',
    gaveUp: 'Se intentó durante todo el tiempo que este sistema lo intenta, y luego se abandonó.',
  },
}

/** Lines of plain words on one recipient. */
export function plainWords(status: string, what: 'failed' | 'expired' | 'delayed', language: Language): string[] {
  const cause = CAUSES.find(([pattern]) => pattern.test(status))?.[1] ?? 'other'
  const { words, happened, act, retried, gaveUp } = FORMS[language]
  return [
    happened + words[cause].happened,
    ...(what === 'expired' ? [gaveUp] : []),
    act + (what === 'delayed' ? retried : words[cause].act),
  ]
}
