#include "api/sites/date.h"

#include <stdio.h>

#include "base/assert.h"
#include "codec/time.h"

static int month_of(struct tb_str name)
{
	static const char *const names[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++)
		if (tb_str_eq(name, tb_str_z(names[i])))
			return (int)i + 1;
	return 0;
}

enum tb_err tb_sites_date_parse(struct tb_str text, int64_t *ret_us)
{
	static const char form[] = "Sun, 21 Jan 2024 16:45:30 GMT";
	const char *p = text.p;
	char iso[32];
	int month, n;

	if (text.n != sizeof(form) - 1 || memcmp(p + 3, ", ", 2) != 0 ||
	    p[7] != ' ' || p[11] != ' ' || p[16] != ' ' ||
	    memcmp(p + 25, " GMT", 4) != 0)
		return TB_ERR_INVALID;
	month = month_of(tb_str(p + 8, 3));
	if (month == 0)
		return TB_ERR_INVALID;
	/* The fields' own rules are those of any other time. */
	n = snprintf(iso, sizeof(iso), "%.4s-%02d-%.2sT%.8sZ", p + 12, month,
		     p + 5, p + 17);
	return tb_time_parse(tb_str(iso, (size_t)n), TB_TIME_ZONE_REQUIRED,
			     ret_us);
}
