/**
 * The text of HTML, for search: tags, comments, scripts and styles go, entities are resolved. One pass, each character
 * looked at a fixed number of times, since anybody may send a megabyte of `<`.
 */

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

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
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
