/*
 * The Date header of a request, by which a site's clock is compared with this
 * one. Pure.
 */
#ifndef TB_API_SITES_DATE_H
#define TB_API_SITES_DATE_H

#include <stdint.h>

#include "base/str.h"

/* "Sun, 21 Jan 2024 16:45:30 GMT" (IMF-fixdate, RFC 9110, section 5.6.7); the
 * name of the day is not compared with the date. INVALID. */
enum tb_err tb_sites_date_parse(struct tb_str text,
				int64_t *ret_us) tb_must_check;

#endif
