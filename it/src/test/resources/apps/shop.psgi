# The Perl application of the integration tests.
use strict;
use warnings;

package OutOfStock {
    sub throw { my ($class, $sku) = @_; die bless { sku => $sku }, $class }
}

sub reserve {
    my ($sku) = @_;
    die "no $sku left";
}

my $app = sub {
    my $env = shift;
    my $path = $env->{PATH_INFO};
    reserve('milk') if $path eq '/orders/7';
    OutOfStock->throw('tea') if $path eq '/object';
    if ($path eq '/caught') {
        eval { reserve('tea') };
        return [500, ['Content-Type' => 'text/plain'], ["an error page\n"]];
    }
    return [503, ['Content-Type' => 'text/plain'], ["come back later\n"]] if $path eq '/unavailable';
    return [200, ['Content-Type' => 'text/plain'], ["ok\n"]];
};
