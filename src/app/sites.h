/*
 * Sites as the commands see them: adding one with its stores, many from a
 * file, and what is to be said of one.
 */
#ifndef TB_APP_SITES_H
#define TB_APP_SITES_H

#include "app/session.h"
#include "kernel/consumer.h"
#include "kernel/delivery.h"
#include "kernel/directory.h"
#include "kernel/waiting.h"

/* Adds a site and activates stores, which exist, on it. */
enum tb_err tb_sites_add(struct tb_session *session,
			 const struct tb_account *site,
			 const struct tb_str *stores,
			 size_t n_stores) tb_must_check;

#define TB_SITES_WAITING_MAX 1000

/* What `site explain` knows of a site. */
struct tb_site_facts {
	const struct tb_account *site;
	const struct tb_consumer *consumer;
	struct tb_queue_length queue;
	size_t queue_max; /* the backlog was counted up to here */
	const struct tb_waiting *waiting; /* records without their parents */
	size_t n_waiting;                 /* up to TB_SITES_WAITING_MAX */
	int64_t now_us;
	int64_t absence_us; /* after which it must start over */
};

/* Appends what people read, a line each, the verdict last. Pure. */
void tb_sites_put_facts(struct tb_buf *buf, const struct tb_site_facts *facts);
/* Appends the verdict alone. Pure. */
void tb_sites_put_verdict(struct tb_buf *buf,
			  const struct tb_site_facts *facts);

#endif
