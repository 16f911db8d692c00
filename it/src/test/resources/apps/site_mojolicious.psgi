# A Mojolicious::Lite application, as it runs in production.
BEGIN { $ENV{MOJO_MODE} = 'production' }
use Mojolicious::Lite -signatures;

sub reserve ($sku) {
    die "no $sku left";
}

get '/orders/:n' => sub ($c) { reserve('milk') };
get '/fine' => sub ($c) { eval { reserve('tea') }; $c->render(text => "never mind\n") };
get '/unavailable' => sub ($c) { $c->render(text => "come back later\n", status => 503) };

app->start('psgi');
