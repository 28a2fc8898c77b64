/** Blocks of the search index of which little is left: given up when nothing is, else joined with their neighbour. */
import type { Db } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import {
  addBlock,
  BIT_OCTETS,
  BLOCK_MESSAGES,
  BLOCK_SLICES,
  blockRow,
  disownBlock,
  SLICE_BITS,
  sliceBits,
  type Signed,
  unpackBlock,
} from './search-blocks.ts'
import { SIGNATURE_OCTETS } from './search-signature.ts'

interface Block {
  readonly block: number
  readonly account: AccountId
  readonly left: number
}

/** @param write puts slices where no block has them yet */
export async function mergeBlocks(
  db: Db,
  write: (signed: Signed) => Promise<number>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const thin = db.read
    .sql('SELECT DISTINCT account FROM search_block WHERE account >= 0 AND gone > 0')
    .all()
    .map(([account]) => Number(account))
  for (const account of thin) {
    let before: Block | undefined
    for (const block of blocksOf(db, account)) {
      if (signal?.aborted === true) return
      if (block.left === 0) await db.write((tx) => disownBlock(tx, block.block))
      else if (before !== undefined && before.left + block.left <= BLOCK_MESSAGES)
        before = await joinTwo(db, before, block, write)
      else before = block
    }
  }
}

function blocksOf(db: Db, account: AccountId): Block[] {
  return db.read
    .sql('SELECT block, length(messages) / 8 - gone FROM search_block WHERE account = ? ORDER BY first_message')
    .all(account)
    .map(([block, left]) => ({ block: Number(block), account, left: Number(left) }))
}

async function joinTwo(db: Db, a: Block, b: Block, write: (signed: Signed) => Promise<number>): Promise<Block> {
  const parts = [a, b].map(({ block }) => whatIsLeft(db, block))
  const messages = parts.flatMap((part) => part.messages)
  const signatures = new Uint8Array(messages.length * SIGNATURE_OCTETS)
  signatures.set(parts[0]!.signatures)
  signatures.set(parts[1]!.signatures, parts[0]!.signatures.length)
  const block = await write({ messages, signatures })
  await db.write((tx) => {
    // Given up meanwhile, by a rebuild: then what was made of it is too, and its slices are overwritten.
    if (blockRow(tx, a.block)?.account !== a.account || blockRow(tx, b.block)?.account !== b.account) return
    for (const old of [a, b]) disownBlock(tx, old.block)
    addBlock(tx, block, a.account, messages)
  })
  return { block, account: a.account, left: messages.length }
}

function whatIsLeft(db: Db, block: number): { messages: number[]; signatures: Uint8Array } {
  const all = [...(blockRow(db.read, block)?.messages ?? [])]
  const there = new Set(
    db.read
      .sql('SELECT id FROM message WHERE id IN (SELECT value FROM json_each(?))')
      .all(JSON.stringify(all))
      .map(([id]) => Number(id)),
  )
  const packed = new Uint8Array(BLOCK_SLICES * SLICE_BITS * BIT_OCTETS)
  for (let slice = 0; slice < BLOCK_SLICES; slice++) {
    const bits = sliceBits(db.read, block, slice)
    if (bits !== undefined) packed.set(bits, slice * SLICE_BITS * BIT_OCTETS)
  }
  const signatures = unpackBlock(packed, all.length)
  const places = [...all.keys()].filter((place) => there.has(all[place]!))
  const left = new Uint8Array(places.length * SIGNATURE_OCTETS)
  for (const [i, place] of places.entries())
    left.set(signatures.subarray(place * SIGNATURE_OCTETS, (place + 1) * SIGNATURE_OCTETS), i * SIGNATURE_OCTETS)
  return { messages: places.map((place) => all[place]!), signatures: left }
}
