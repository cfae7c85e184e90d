/*
 * PUT, PATCH and DELETE of one record, by the collection's writers.
 */
#include "api/resources/handlers.h"
#include "api/resources/write.h"

static void change(void *state, const struct tb_request *req,
		   struct tb_response *res, enum tb_resource_action action)
{
	struct tb_resources_write write;

	if (tb_resources_write_open(&write, state, req, res, action) &&
	    tb_resources_write_read(&write) &&
	    tb_resources_write_decode(&write) &&
	    tb_resources_write_match(&write) &&
	    tb_resources_write_commit(&write))
		tb_resources_write_answer(&write, 200);
}

void tb_resources_put_record(void *state, const struct tb_request *req,
			     struct tb_response *res)
{
	change(state, req, res, TB_RESOURCE_REPLACE);
}

void tb_resources_patch_record(void *state, const struct tb_request *req,
			       struct tb_response *res)
{
	change(state, req, res, TB_RESOURCE_PATCH);
}

void tb_resources_delete_record(void *state, const struct tb_request *req,
				struct tb_response *res)
{
	struct tb_resources_write write;

	if (tb_resources_write_open(&write, state, req, res,
				    TB_RESOURCE_DELETE) &&
	    tb_resources_write_match(&write) &&
	    tb_resources_write_commit(&write))
		tb_response_empty(res, 204);
}
