/* uwsgi.h adds fields of its own for an OpenSSL older than 1.1.0 (2016). */
#define OPENSSL_VERSION_NUMBER 0x30000000L
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_pkey_st EVP_PKEY;
