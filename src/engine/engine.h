/*
 * A running store: opened, with the core on it, and a way to commit: the
 * writer thread that groups what waits (a server), or the caller's own thread
 * (a command beside the server). Thread-safe but for open and close.
 */
#ifndef TB_ENGINE_ENGINE_H
#define TB_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core.h"
#include "kernel/declaration.h"
#include "kernel/store.h"

struct tb_engine;

struct tb_engine_options {
	const struct tb_store_ops *store;         /* which engine of storage */
	struct tb_store_options at;               /* and where */
	const struct tb_declaration *declaration; /* borrowed */
	bool writer;         /* a writer thread; else commits run inline */
	uint32_t group_max;  /* commits in one transaction; 256 */
	uint32_t weight_max; /* changes in one transaction; 8,192 */
	uint32_t queue_max;  /* commits waiting; over it BUSY; 4,096 */
};
extern const struct tb_engine_options tb_engine_default_options;

/* Opens (makes, migrates) the store, makes the system org if it is not there,
 * starts the writer. Errors are the store's. */
enum tb_err tb_engine_open(const struct tb_engine_options *options,
			   struct tb_engine **ret) tb_must_check;
/* Runs what waits to its end, then closes. Takes NULL. */
void tb_engine_close(struct tb_engine *engine);

struct tb_core *tb_engine_core(struct tb_engine *engine);
struct tb_store *tb_engine_store(struct tb_engine *engine);

/* Reads the orgs' heads again, after another process may have written. */
enum tb_err tb_engine_refresh(struct tb_engine *engine) tb_must_check;
/* Does the background work that commits left. To be called a few times a
 * second by one thread; costs nothing while no org changes. */
enum tb_err tb_engine_maintain(struct tb_engine *engine) tb_must_check;
/* False once a failed sync ended writing: only a restart helps. */
bool tb_engine_is_writable(const struct tb_engine *engine);

#endif
