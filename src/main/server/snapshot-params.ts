/** Parameters of the daily snapshots. */
import { defineParams, int } from '../../io/config/mod.ts'

export const snapshotParams = defineParams({
  snapshot_keep: int(
    '3',
    'How many daily snapshots of the database are kept below the data directory, for `postigo repair`; 0 makes none.',
    { min: 0, max: 366 },
  ),
})
