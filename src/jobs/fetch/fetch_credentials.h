/*
 * A source's credentials, read from their files into the header lines that
 * carry them. Private to fetch.
 */
#ifndef TB_JOBS_FETCH_FETCH_CREDENTIALS_H
#define TB_JOBS_FETCH_FETCH_CREDENTIALS_H

#include <curl/curl.h>

#include "base/arena.h"
#include "jobs/connectors/connector.h"

/* `*ret_lines` is NULL where the source has no credentials. Owned by the
 * caller. DENIED ("credentials"), NOMEM. */
enum tb_err tb_fetch_credentials_read(
	const struct tb_source *source, struct tb_arena *arena,
	struct curl_slist **ret_lines,
	struct tb_connector_failure *ret_failure) tb_must_check;
/* Overwrites them first; takes NULL. */
void tb_fetch_credentials_wipe(struct curl_slist *lines);

#endif
