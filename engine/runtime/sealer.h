/* SPDX-License-Identifier: Apache-2.0 */
/* Seals a run's journal while it is written: a checkpoint after every 100 records or 60 s, and the
 * end. Owned by the engine; nothing ever waits for a checkpoint. */
#pragma once

#include "engine/base/signkey.h"
#include "engine/runtime/driver.h"

struct cut_sealer;

/* Takes key. */
struct cut_sealer *cut_sealer_new(struct cut_driver *driver, struct cut_signkey *key);
void cut_sealer_free(struct cut_sealer *sealer); /* NULL-safe */
/* Records up to seq are on disk: a good moment for a checkpoint, where one is due. NULL-safe. */
void cut_sealer_synced(struct cut_sealer *sealer, uint64_t seq);
/* Makes the journal's last record a final seal. NULL-safe. */
void cut_sealer_end(struct cut_sealer *sealer);
