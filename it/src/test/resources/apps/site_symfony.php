<?php
// A Symfony application of one file, as it runs in production: Debian's packages, no composer.
require_once 'Symfony/Bundle/FrameworkBundle/autoload.php';

use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\ServiceUnavailableHttpException;
use Symfony\Component\HttpKernel\Kernel;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

class OutOfStock extends RuntimeException
{
}

class Shop extends Kernel
{
    use MicroKernelTrait;

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle()];
    }

    public function getProjectDir(): string
    {
        return getenv('SHOP_DIRECTORY');
    }

    protected function configureContainer(ContainerConfigurator $container): void
    {
        $container->extension('framework', ['secret' => 'hush', 'http_method_override' => false]);
    }

    protected function configureRoutes(RoutingConfigurator $routes): void
    {
        $routes->add('order', '/orders/{n}')->controller([$this, 'order']);
        $routes->add('fine', '/fine')->controller([$this, 'fine']);
        $routes->add('unavailable', '/unavailable')->controller([$this, 'unavailable']);
    }

    private function reserve(string $sku): void
    {
        throw new OutOfStock("no $sku left");
    }

    public function order(int $n): Response
    {
        $this->reserve('milk');
        return new Response("ordered\n");
    }

    public function fine(): Response
    {
        try {
            $this->reserve('tea');
        } catch (OutOfStock $e) {
            return new Response("never mind\n");
        }
    }

    public function unavailable(): Response
    {
        throw new ServiceUnavailableHttpException(60, 'come back later');
    }
}

$kernel = new Shop('prod', false);
$request = Request::createFromGlobals();
$response = $kernel->handle($request);
$response->send();
$kernel->terminate($request, $response);
