typedef struct real_pcre pcre;
typedef struct pcre_extra pcre_extra;
