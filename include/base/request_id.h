/* What every request is known by, from the web server to the model. */
#ifndef BASE_REQUEST_ID_H
#define BASE_REQUEST_ID_H

#define REQUEST_ID_SIZE 65	/* with its NUL */

#endif
