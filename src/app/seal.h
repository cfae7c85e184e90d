/*
 * Seals: the head of an org's audit chain, logged with a MAC of it under a key
 * that is not in the store. Whoever has the log and the key finds a chain that
 * was cut off at its end or made anew.
 */
#ifndef TB_APP_SEAL_H
#define TB_APP_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "app/log.h"
#include "auth/keys.h"
#include "base/arena.h"
#include "kernel/store.h"

/* The org's name; the system's own org has none and is "(system)". */
const char *tb_seal_org_name(const struct tb_org *org);

void tb_seal_log(struct tb_log *log, struct tb_keys *keys,
		 const struct tb_org *org);

/* A head as a line of the log says it was. */
struct tb_seal {
	struct tb_str org;
	uint64_t row;
	uint8_t hash[32];
	uint8_t mac[32];
};
/* Reads a line of a log. NOT_FOUND: it is about something else. INVALID: it
 * begins like a seal's and is none. */
enum tb_err tb_seal_parse(struct tb_arena *arena, struct tb_str line,
			  struct tb_seal *ret) tb_must_check;
/* True if it was made with this key. NOMEM. */
enum tb_err tb_seal_check(struct tb_keys *keys, const struct tb_seal *seal,
			  bool *ret) tb_must_check;

#endif
