/** Modifications that a milter asks for at the end of a message, carried out as they come. */
import type { FilterVerdict, FilteredMessage } from '../../intake/mod.ts'
import type { MilterClient } from './client.ts'
import { DataCursor, type Packet } from './packets.ts'

type Edit = (edits: Edits, cursor: DataCursor) => FilterVerdict | undefined | Promise<FilterVerdict | undefined>

const EDITS: ReadonlyMap<string, Edit> = new Map<string, Edit>([
  ['h', addField],
  ['i', insertField],
  ['m', changeField],
  ['e', changeSender],
  ['+', addRecipient],
  ['2', addRecipient],
  ['-', deleteRecipient],
  ['b', replaceBody],
])

/** Ends the edits: the milter, or its use of the protocol, is not to be trusted further. */
class Misuse extends Error {}

export class Edits {
  readonly message: FilteredMessage
  readonly client: MilterClient
  /** Why no further request is carried out; the filter's own decision may still be harsher. */
  verdict: FilterVerdict | undefined
  /** `open`: pieces of a new body come; `over`: they came, and no more may. */
  body: 'none' | 'open' | 'over' = 'none'
  /** What stands between a colon and a value. */
  space = ''

  constructor(message: FilteredMessage, client: MilterClient) {
    this.message = message
    this.client = client
  }

  /** False: it is no modification. */
  async take({ letter, data }: Packet, leadingSpace: boolean): Promise<boolean> {
    if (this.body === 'open' && letter !== 'b') {
      this.body = 'over'
      this.verdict ??= await this.message.endBody()
    }
    const edit = EDITS.get(letter)
    if (edit === undefined) return false
    this.space = leadingSpace ? '' : ' '
    try {
      const said = await edit(this, new DataCursor(data))
      this.verdict ??= said
    } catch (error) {
      if (!(error instanceof Misuse)) throw error
      this.client.misuse(error.message)
      this.verdict = this.client.verdict
      this.body = 'over'
    }
    return true
  }

  /** Once the filter was wrong, what it still sends is not carried out. */
  get closed(): boolean {
    return this.verdict !== undefined
  }
}

/** With the blank that the filter leaves out. */
const valueOf = ({ space }: Edits, value: Buffer): Buffer => Buffer.concat([Buffer.from(space), value])

async function addField(edits: Edits, cursor: DataCursor): Promise<FilterVerdict | undefined> {
  const [name, value] = [cursor.takeString(), cursor.takeString()]
  cursor.end()
  if (edits.closed) return undefined
  return edits.message.addField(name.toString('latin1'), valueOf(edits, value))
}

async function insertField(edits: Edits, cursor: DataCursor): Promise<FilterVerdict | undefined> {
  const [index, name, value] = [cursor.takeLong(), cursor.takeString(), cursor.takeString()]
  cursor.end()
  if (edits.closed) return undefined
  return edits.message.insertField(index, name.toString('latin1'), valueOf(edits, value))
}

async function changeField(edits: Edits, cursor: DataCursor): Promise<FilterVerdict | undefined> {
  const [index, name, value] = [cursor.takeLong(), cursor.takeString(), cursor.takeString()]
  cursor.end()
  if (edits.closed) return undefined
  if (name.length === 0) throw new Misuse('null change header name')
  const changed = value.length === 0 ? value : valueOf(edits, value)
  return edits.message.changeField(Math.max(1, index), name.toString('latin1'), changed)
}

/** An address, and perhaps ESMTP parameters behind it. */
function addressAndParameters(cursor: DataCursor): [string, string] {
  const address = cursor.takeString().toString('utf8')
  const parameters = cursor.left > 0 ? cursor.takeString().toString('utf8') : ''
  cursor.end()
  return [address, parameters]
}

function changeSender(edits: Edits, cursor: DataCursor): undefined {
  const words = addressAndParameters(cursor)
  if (!edits.closed) edits.message.changeSender(...words)
}

function addRecipient(edits: Edits, cursor: DataCursor): undefined {
  const words = addressAndParameters(cursor)
  if (!edits.closed) edits.message.addRecipient(...words)
}

function deleteRecipient(edits: Edits, cursor: DataCursor): undefined {
  const [address] = addressAndParameters(cursor)
  if (!edits.closed) edits.message.deleteRecipient(address)
}

async function replaceBody(edits: Edits, cursor: DataCursor): Promise<FilterVerdict | undefined> {
  if (edits.body === 'over') throw new Misuse("body replacement requests can't currently be mixed with other requests")
  edits.body = 'open'
  const piece = cursor.takeRest()
  return edits.closed ? undefined : edits.message.replaceBody(piece)
}
