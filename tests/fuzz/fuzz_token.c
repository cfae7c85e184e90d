/*
 * Bearer tokens before and after their signature is verified. The input is
 * parsed as a token; then what stands before its first line end is taken as a
 * header's JSON and the rest as the claims', since no mutation would write
 * base64. Claims that are accepted must survive being written again.
 */
#include "fuzz.h"

#include "auth/token.h"
#include "codec/digest.h"

#define TEXT_MAX ((size_t)1 << 16)
#define ARENA_MAX ((size_t)4 << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

static void put_part(struct tb_buf *token, struct tb_str json)
{
	struct tb_buf plain;

	tb_buf_init(&plain, TEXT_MAX);
	tb_base64_put(&plain, json);
	for (size_t i = 0; i < plain.n && plain.p[i] != '='; i++)
		tb_buf_append_char(token, plain.p[i] == '+'   ? '-'
					  : plain.p[i] == '/' ? '_'
							      : plain.p[i]);
	tb_buf_append_char(token, '.');
	tb_buf_fini(&plain);
}

static void check_again(struct tb_arena *arena, const struct tb_token *token)
{
	const struct tb_signing_key key = { .kid = "k" };
	struct tb_token again;
	struct tb_str text;
	struct tb_str kid;
	enum tb_err err = tb_token_encode(arena, &key, token, &text);

	if (err == TB_ERR_TOO_LARGE)
		return;
	TB_ASSERT(err == TB_OK);
	TB_ASSERT(tb_token_parse_header(arena, text, &kid) == TB_OK);
	TB_ASSERT(tb_str_eq(kid, TB_STR("k")));
	TB_ASSERT(tb_token_parse_claims(arena, text, &again) == TB_OK);
	TB_ASSERT(again.kind == token->kind && again.type == token->type &&
		  again.org == token->org &&
		  again.credential == token->credential &&
		  again.site_id == token->site_id &&
		  again.is_admin == token->is_admin &&
		  again.issued_s == token->issued_s &&
		  again.expires_s == token->expires_s &&
		  again.seq == token->seq);
	TB_ASSERT(tb_str_eq(again.key, token->key) &&
		  tb_str_eq(again.name, token->name) &&
		  tb_str_eq(again.org_name, token->org_name) &&
		  tb_str_eq(again.hardware, token->hardware) &&
		  tb_str_eq(again.id, token->id) &&
		  tb_str_eq(again.family, token->family));
}

static void parse(struct tb_str text)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_token token;
	struct tb_str kid;

	TB_ASSERT(arena != NULL);
	if (tb_token_parse_header(arena, text, &kid) == TB_OK)
		TB_ASSERT(kid.n > 0 && kid.n <= TB_KID_MAX);
	if (tb_token_parse_claims(arena, text, &token) == TB_OK)
		check_again(arena, &token);
	tb_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str claims = fuzz_input(data, n);
	struct tb_str header;
	struct tb_buf token;

	parse(claims);
	header = tb_str_cut(&claims, '\n');
	tb_buf_init(&token, TEXT_MAX);
	put_part(&token, header);
	put_part(&token, claims);
	tb_buf_append_char(&token, 'x');
	parse(tb_buf_str(&token));
	tb_buf_fini(&token);
	return 0;
}
