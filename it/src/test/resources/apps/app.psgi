# The Perl application of the integration tests.
my $app = sub {
    my $env = shift;
    die "cannot serve this\n" if $env->{PATH_INFO} eq '/raise';
    return [200, ['Content-Type' => 'text/plain'], ["ok\n"]];
};
