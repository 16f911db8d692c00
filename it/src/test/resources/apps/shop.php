<?php
// The PHP application of the integration tests.

class OutOfStock extends RuntimeException
{
}

function reserve(string $sku, string $password): void
{
    throw new OutOfStock("no $sku left");
}

switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/orders/7':
        reserve('milk', strrev('hsuh'));
        break;
    case '/caught':
        // As a framework does.
        try {
            reserve('tea', strrev('hsuh'));
        } catch (OutOfStock $e) {
            http_response_code(500);
            echo "an error page\n";
        }
        break;
    case '/chain':
        try {
            reserve('tea', strrev('hsuh'));
        } catch (OutOfStock $e) {
            throw new LogicException('cannot order', 1, $e);
        }
        break;
    case '/memory':
        $all = [];
        while (true) {
            $all[] = str_repeat('x', 1 << 20);
        }
        break;
    case '/swallowed':
        try {
            reserve('tea', strrev('hsuh'));
        } catch (OutOfStock $e) {
            echo "never mind\n";
        }
        break;
    case '/unavailable':
        http_response_code(503);
        echo "come back later\n";
        break;
    default:
        echo "ok\n";
}
