/*
 * The accounts of the demo, as one table: the program makes them, prints them
 * at the start, and the page at `/` shows them. Constant; their passwords are
 * public, which is why a demo store never serves but with --demo.
 */
#ifndef TB_API_OPS_DEMO_H
#define TB_API_OPS_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kernel/directory.h"

#define TB_DEMO_ORG "org123"
#define TB_DEMO_ORG_TITLE "Example Organization"

struct tb_demo_account {
	enum tb_account_kind kind;
	const char *what; /* for people: "administrator", "site 63" */
	const char *username;
	const char *password;
	const char *key; /* a user's uuid, a site's id in decimal */
	const char *name;
	const char *store;   /* a site's, active there; a user's; or NULL */
	const char *role;    /* a user's, or NULL */
	const char *profile; /* a user's, or NULL */
	uint32_t site_id;
	bool is_admin;
	bool may_edit_central;
};

extern const struct tb_demo_account tb_demo_accounts[];
extern const size_t tb_demo_accounts_count;

/* The i-th line to try with curl against the server at `base`
 * ("http://127.0.0.1:8000"), and what it shows. */
struct tb_demo_line {
	const char *what;
	const char *before; /* the command up to the address */
	const char *after;  /* what follows the address */
};

extern const struct tb_demo_line tb_demo_lines[];
extern const size_t tb_demo_lines_count;

void tb_demo_put_line(struct tb_buf *buf, const struct tb_demo_line *line,
		      struct tb_str base);

#endif
