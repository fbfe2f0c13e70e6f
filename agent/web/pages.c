/* SPDX-License-Identifier: MIT */
#include "base/base.h"
#include "web/pages.h"
int page_runs(const char *t UNUSED, const json_t *rows UNUSED, uint64_t older UNUSED, struct buf *out, struct err *e UNUSED){buf_addz(out,"runs");return 0;}
int page_run(const char *t UNUSED, const struct run *r UNUSED, page_output_fn *fn UNUSED, void *arg UNUSED, struct buf *out, struct err *e UNUSED){buf_addz(out,"run");return 0;}
int page_error(const char *t UNUSED, int status, const char *title, const char *detail, struct buf *out, struct err *e UNUSED){buf_addf(out,"%d %s %s",status,title,detail);return 0;}
void badge_svg(const char *s UNUSED, struct buf *out){buf_addz(out,"<svg/>");}
const char *page_csp(void){return "default-src 'none'";}
