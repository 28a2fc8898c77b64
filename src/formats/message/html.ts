/**
 * The text of HTML, for search: tags, comments, scripts and styles go, entities are resolved. One pass, each character
 * looked at a fixed number of times, since anybody may send a megabyte of `<`.
 */

/** Those of Latin-1, from U+00A1 on. HTML 4.01 §24.2. */
const LATIN_1 =
  `iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro
  para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave
  Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc
  Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc
  iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml`.split(/\s+/)

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ...LATIN_1.map((name, i): [string, string] => [name, String.fromCharCode(0xa1 + i)]),
  ...Object.entries({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', ensp: ' ', emsp: ' ', thinsp: ' ' }),
  ...Object.entries({ ndash: '–', mdash: '—', lsquo: '‘', rsquo: '’', sbquo: '‚', ldquo: '“', rdquo: '”', bdquo: '„' }),
  ...Object.entries({
    bull: '•',
    hellip: '…',
    euro: '€',
    trade: '™',
    lsaquo: '‹',
    rsaquo: '›',
    OElig: 'Œ',
    oelig: 'œ',
  }),
  ...Object.entries({
    Scaron: 'Š',
    scaron: 'š',
    Yuml: 'Ÿ',
    zwnj: '\u200c',
    zwj: '\u200d',
    lrm: '\u200e',
    rlm: '\u200f',
  }),
])

/** Elements within a word: `a<b>b</b>` reads as `ab`. All others part words. */
const INLINE = new Set('b i u em strong span a font small big sub sup code tt wbr'.split(' '))

/** Elements whose content nobody reads. */
const UNREAD = new Set(['script', 'style'])

/** Longer names are of no element that is told apart here. */
const NAME_LIMIT = 16

/** What a reader sees of `html`. Never throws; what does not end goes up to the end of the text. */
export function stripHtml(html: string): string {
  let text = ''
  let at = 0
  while (at < html.length) {
    const tag = html.indexOf('<', at)
    if (tag < 0) break
    text += html.slice(at, tag)
    const end = html.startsWith('<!--', tag) ? behind(html, '-->', tag + 4) : behind(html, '>', tag + 1)
    const name = nameAt(html, tag + 1)
    text += INLINE.has(name.replace('/', '')) ? '' : ' '
    at = UNREAD.has(name) ? closingTag(html, end, name) : end
  }
  return resolveEntities(text + html.slice(at))
}

function behind(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from)
  return at < 0 ? html.length : at + mark.length
}

/** `b` or `/b` behind a `<`, in lower case. */
function nameAt(html: string, from: number): string {
  return /^\/?[a-z][a-z0-9]*/i.exec(html.slice(from, from + NAME_LIMIT))?.[0].toLowerCase() ?? ''
}

/** Where the `</script` that ends a script begins. */
function closingTag(html: string, from: number, name: string): number {
  for (let at = html.indexOf('</', from); at >= 0; at = html.indexOf('</', at + 2)) {
    if (nameAt(html, at + 1) === `/${name}`) return at
  }
  return html.length
}

function resolveEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z][a-z0-9]{1,7});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES.get(name) ?? ENTITIES.get(name.toLowerCase()) ?? whole
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
