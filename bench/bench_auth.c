/*
 * What the check of a bearer token costs that was seen before, on a store in
 * memory: of as many tokens in turn as a busy server sees. Prints a JSON line.
 *
 * usage: bench_auth --keys FOLDER, which is made
 */
#include <stdio.h>

#include "auth/auth.h"
#include "auth/keys.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "engine/engine.h"
#include "kernel/directory.h"
#include "options.h"
#include "store/stores.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define ADDRESS "127.0.0.1"
#define USER "anna"
#define PASSWORD "testpass123"
#define TOKEN_LIFE_S 604800
#define ENTROPY 77

struct auth_options {
	const char *keys;
	uint64_t tokens;
	uint64_t rounds; /* in which each token is checked once; the best
			  * counts */
};

static const struct tb_bench_option rows[] = {
#define ROW(member, what) TB_OPTION(struct auth_options, member, what)
	ROW(keys, TEXT),
	ROW(tokens, NUMBER),
	ROW(rounds, NUMBER),
#undef ROW
};

static const struct tb_audit_note note = {
	.event_type = "admin",
	.operation = "bench",
	.status = "ok",
	.principal = { "bench", 5 },
};

static const struct tb_declaration nothing;

/* What the checks need, and their credentials. */
struct world {
	struct tb_arena *arena;
	struct tb_engine *engine;
	struct tb_core *core;
	struct tb_keys *keys;
	struct tb_auth *auth;
	struct tb_str *headers;
};

static void open_world(struct world *world, const char *keys)
{
	struct tb_engine_options engine = tb_engine_default_options;
	struct tb_auth_options auth = tb_auth_default_options;

	engine.store = &tb_store_memory;
	engine.at.path = "memory";
	engine.at.create = true;
	engine.declaration = &nothing;
	auth.argon2_mem_bytes = 8192;
	auth.argon2_ops = 1;
	tb_bench_must(tb_digest_init(), "digests");
	tb_bench_must(tb_engine_open(&engine, &world->engine), "a store");
	world->core = tb_engine_core(world->engine);
	tb_bench_must(tb_keys_open(keys, &world->keys), keys);
	tb_bench_must(
		tb_auth_create(world->core, world->keys, &auth, &world->auth),
		"authentication");
	world->arena = tb_arena_create(ARENA_MAX_BYTES);
	if (world->arena == NULL)
		tb_bench_die("out of memory");
}

static void close_world(struct world *world)
{
	tb_auth_destroy(world->auth);
	tb_keys_destroy(world->keys);
	tb_engine_close(world->engine);
	tb_arena_destroy(world->arena);
}

static void add_user(struct world *world)
{
	struct tb_account account = { .kind = TB_ACCOUNT_USER,
				      .key = TB_STR("user-1"),
				      .username = TB_STR(USER) };

	tb_bench_must(tb_directory_add_org(world->core, &note, TB_STR("org"),
					   TB_STR("An org"), ENTROPY,
					   &account.org),
		      "an org");
	tb_bench_must(tb_auth_hash_password(world->auth, world->arena,
					    TB_STR(PASSWORD),
					    &account.password),
		      "a password");
	tb_bench_must(tb_directory_add_account(world->core, &note, &account),
		      "a user");
}

static bool check(struct world *world, struct tb_str header, bool may_block)
{
	struct tb_credentials credentials = {
		.schemes = TB_AUTH_BEARER_EXACT,
		.authorization = header,
		.address = TB_STR(ADDRESS),
		.now_us = tb_core_now_us(world->core),
	};
	struct tb_auth_result result =
		tb_auth_check(world->auth, &credentials, may_block);

	if (result.outcome != TB_AUTH_OK)
		return false;
	tb_principal_unref(result.principal);
	return true;
}

/* Makes the tokens, and has each of them seen. */
static void make_tokens(struct world *world, uint64_t n)
{
	int64_t now_us = tb_core_now_us(world->core);
	struct tb_auth_result login =
		tb_auth_login_user(world->auth, TB_STR(USER), TB_STR(PASSWORD),
				   TB_STR(ADDRESS), now_us);

	world->headers =
		tb_arena_calloc(world->arena, n, sizeof(*world->headers));
	if (login.outcome != TB_AUTH_OK || world->headers == NULL)
		tb_bench_die("the user cannot log in");
	for (uint64_t i = 0; i < n; i++) {
		struct tb_str token;

		tb_bench_must(tb_auth_issue(world->auth, world->arena,
					    login.principal, now_us,
					    TOKEN_LIFE_S, &token),
			      "a token");
		tb_bench_must(tb_arena_printf(world->arena, &world->headers[i],
					      "Bearer %.*s", TB_STR_ARG(token)),
			      "a header");
		if (!check(world, world->headers[i], true))
			tb_bench_die("a token is refused");
	}
	tb_principal_unref(login.principal);
}

/* Microseconds for each check of one round. */
static double run_round(struct world *world, uint64_t n)
{
	int64_t begin_us = tb_bench_now_us();

	for (uint64_t i = 0; i < n; i++)
		if (!check(world, world->headers[i], false))
			tb_bench_die("a token is not remembered");
	return (double)(tb_bench_now_us() - begin_us) / (double)n;
}

int main(int argc, char **argv)
{
	struct auth_options options = { .tokens = 10000, .rounds = 20 };
	struct world world = { 0 };
	double best = 0;

	tb_options_parse(argc, argv, rows, TB_ARRAY_LEN(rows), &options);
	if (options.keys == NULL || options.tokens == 0 || options.rounds == 0)
		tb_bench_die("--keys, --tokens, --rounds");
	open_world(&world, options.keys);
	add_user(&world);
	make_tokens(&world, options.tokens);
	for (uint64_t r = 0; r < options.rounds; r++) {
		double us = run_round(&world, options.tokens);

		if (r == 0 || us < best)
			best = us;
	}
	printf("{\"tokens\":%llu,\"us_per_check\":%.4f}\n",
	       (unsigned long long)options.tokens, best);
	close_world(&world);
	return 0;
}
