/* hr_err.c — the table behind hr_err.h. */
#include "hr_err.h"

const char *hr_err_name(int err)
{
	switch (err) {
	case HR_OK:
		return "HR_OK";
#define X(name, text)                                                                                                  \
	case HR_##name:                                                                                                \
		return "HR_" #name;
		HR_ERRORS(X)
#undef X
	default:
		return "HR_E?";
	}
}

const char *hr_err_text(int err)
{
	switch (err) {
	case HR_OK:
		return "ok";
#define X(name, text)                                                                                                  \
	case HR_##name:                                                                                                \
		return text;
		HR_ERRORS(X)
#undef X
	default:
		return "unknown error";
	}
}
