/*
 * Bodies of the resources API's login. Whatever comes, it is a form without
 * mistakes, or there is an answer of 400 whose body is an object of JSON.
 */
#include "fuzz.h"

#include "api/resources/form.h"
#include "http/route.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	(void)req;
	(void)error;
	tb_buf_append_z(buf, "{}");
}

static const struct tb_api api = { .put_error = put_error };

static bool is_answered(const struct tb_request *req, struct tb_response *res)
{
	struct tb_resources_form form;
	struct tb_str username;
	struct tb_str password;

	if (!tb_resources_form_open(&form, req, res))
		return true;
	username = tb_resources_form_text(&form, "username");
	password = tb_resources_form_text(&form, "password");
	if (tb_resources_form_refuse(&form, req, res))
		return true;
	TB_ASSERT(username.n > 0 && password.n > 0);
	return false;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_request req = { .body = fuzz_input(data, n),
				  .api = &api,
				  .arena = arena };
	struct tb_response res = { .arena = arena };
	struct tb_json json;

	TB_ASSERT(arena);
	tb_buf_init(&res.body, 0);
	if (is_answered(&req, &res)) {
		TB_ASSERT(res.status == 400);
		TB_ASSERT(!tb_json_parse(arena, tb_buf_str(&res.body), NULL,
					 &json, NULL));
		TB_ASSERT(tb_json_is(tb_json_root(&json), TB_JSON_OBJECT));
	}
	tb_response_empty(&res, res.status);
	tb_arena_destroy(arena);
	return 0;
}
