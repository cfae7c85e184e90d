/*
 * What records say of other records: the ids behind references and the members
 * that are shown of them. Found in the snapshot of one answer and remembered
 * for it, bounded. Used by one thread.
 */
#ifndef TB_API_RESOURCES_PEERS_H
#define TB_API_RESOURCES_PEERS_H

#include "api/resources/layout.h"
#include "kernel/core.h"

struct tb_peers;

/* NULL: no memory. Borrows the core. */
struct tb_peers *tb_peers_create(struct tb_core *core, uint32_t org);
void tb_peers_destroy(struct tb_peers *peers); /* takes NULL */

/* From now on this snapshot is asked; what another one said is forgotten. */
void tb_peers_use(struct tb_peers *peers, struct tb_tx *tx);

/* A tb_render_lookup_fn; `peers` is a struct tb_peers. */
enum tb_err tb_peers_find(void *peers, const struct tb_layout_member *member,
			  struct tb_str value,
			  struct tb_str *ret) tb_must_check;

#endif
