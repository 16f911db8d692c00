# A Dancer2 application, as it runs in production.
package Shop;
use Dancer2;

set environment => 'production';
set log => 'error';

sub reserve {
    my ($sku) = @_;
    die "no $sku left";
}

get '/orders/:n' => sub { reserve('milk') };
get '/fine' => sub { eval { reserve('tea') }; "never mind\n" };
get '/unavailable' => sub { status 503; "come back later\n" };

Shop->to_app;
