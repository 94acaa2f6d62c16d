/* Verifies one CMS file again and again with OpenSSL's library, as `openssl cms -verify` does, without its start-up:
 * certificates to the root, both revocation lists, signature. Prints verifications per second, and those of the
 * signer's key alone.
 *
 * Usage: openssl_cms FILE ROOT_AND_LISTS.pem SIGNER.pem CONTENT SIGNATURE SECONDS
 */
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned char *slurp(const char *path, long *length) {
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    fseek(file, 0, SEEK_END);
    *length = ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*length);
    if (!bytes || fread(bytes, 1, *length, file) != (size_t)*length) exit(2);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    if (argc != 7) return 64;
    long length, content_length, signature_length;
    unsigned char *file = slurp(argv[1], &length);
    unsigned char *content = slurp(argv[4], &content_length);
    unsigned char *signature = slurp(argv[5], &signature_length);
    double seconds = atof(argv[6]);
    X509_STORE *store = X509_STORE_new();
    if (!store || !X509_STORE_load_file(store, argv[2])) return 2;
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_set_purpose(store, X509_PURPOSE_ANY);

    long count = 0;
    double begun = now(), spent;
    do {
        BIO *in = BIO_new_mem_buf(file, (int)length), *out = BIO_new(BIO_s_null());
        CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
        if (!cms || CMS_verify(cms, NULL, store, NULL, out, CMS_BINARY | CMS_CADES) != 1) {
            fprintf(stderr, "does not verify\n");
            return 1;
        }
        CMS_ContentInfo_free(cms);
        BIO_free(in);
        BIO_free(out);
        count++;
    } while ((spent = now() - begun) < seconds);
    printf("openssl_cms_library %.1f\n", count / spent);

    BIO *pem = BIO_new_file(argv[3], "r");
    X509 *signer = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    EVP_PKEY *key = X509_get_pubkey(signer);
    count = 0;
    begun = now();
    do {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
            EVP_DigestVerify(context, signature, signature_length, content, content_length) != 1)
            return 1;
        EVP_MD_CTX_free(context);
        count++;
    } while ((spent = now() - begun) < seconds);
    printf("openssl_raw_rsa2048 %.1f\n", count / spent);
    return 0;
}
