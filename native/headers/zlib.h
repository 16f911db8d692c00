typedef struct z_stream_s z_stream;
